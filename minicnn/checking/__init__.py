"""Is a backward the derivative of its forward, and if it is not, what is wrong with it?"""

from minicnn.checking.gradients import (
    TOLERANCE,
    GradientError,
    KinkError,
    gradcheck,
    gradient_errors,
)

__all__ = ["TOLERANCE", "GradientError", "KinkError", "gradcheck", "gradient_errors"]
