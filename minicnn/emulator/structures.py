"""The structs of runtime.h, field by field."""

import ctypes
from ctypes import c_char, c_int, c_int64, c_uint, c_void_p


class Index(ctypes.Structure):
    _fields_ = [("x", c_uint), ("y", c_uint), ("z", c_uint)]

    def __str__(self):
        return f"({self.x}, {self.y}, {self.z})"


class Region(ctypes.Structure):
    _fields_ = [
        ("begin", c_void_p),
        ("end", c_void_p),
        ("item", c_int64),
        ("written", c_void_p),
        ("cells", c_void_p),
    ]


class Failure(ctypes.Structure):
    _fields_ = [
        *((name, c_int) for name in "kind line other_line size".split()),
        *((name, c_int) for name in "writing other_writing number".split()),
        *((name, c_void_p) for name in ("pc", "other_pc", "address")),
        *((name, Index) for name in "block thread other_block other_thread".split()),
        ("text", c_char * 128),
    ]


class Launch(ctypes.Structure):
    _fields_ = [
        ("kernel", c_void_p),
        ("arguments", ctypes.POINTER(c_void_p)),
        ("grid", Index),
        ("block", Index),
        ("shared_begin", c_void_p),
        ("shared_end", c_void_p),
        ("dynamic_bytes", c_int64),
        ("regions", ctypes.POINTER(Region)),
        *((name, c_int) for name in "region_count checked order seed idle_blocks".split()),
        ("failure", Failure),
    ]


class Line(ctypes.Structure):
    _fields_ = [
        ("pc", c_void_p),
        *((name, c_int64) for name in "shared requests transfers ideal".split()),
    ]
