"""Networks: modules and their parameters, the layers, how weights begin, connection tables.

from minicnn import nn
net = nn.Sequential(nn.Conv2d(3, 16, 7), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 8, 1))
"""

from minicnn.nn import init, tables
from minicnn.nn.layers import (
    AvgPool2d,
    Conv2d,
    ConvTable2d,
    Dropout,
    Linear,
    LocalContrastNorm,
    LocalResponseNorm,
    MaxPool2d,
    MaxPoolMaps,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Subsample2d,
    Tanh,
)
from minicnn.nn.module import Buffer, Module, Parameter, Sequential

__all__ = [
    "AvgPool2d",
    "Buffer",
    "Conv2d",
    "ConvTable2d",
    "Dropout",
    "Linear",
    "LocalContrastNorm",
    "LocalResponseNorm",
    "MaxPool2d",
    "MaxPoolMaps",
    "Module",
    "Parameter",
    "ReLU",
    "ScaledTanh",
    "Sequential",
    "Sigmoid",
    "Subsample2d",
    "Tanh",
    "init",
    "tables",
]
