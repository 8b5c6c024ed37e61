"""The engine: tensors, the tape, kernels and where they run. It knows no operation."""
