"""Drawn street scenes and landscapes, with a label for every pixel."""
