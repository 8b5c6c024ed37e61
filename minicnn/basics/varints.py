"""Whole numbers as protobuf writes them: seven bits in each byte, the lowest first, and the eighth
says that another byte follows."""


def varint(data, place=0):
    """(number, where it ends) at a place of some bytes; (None, place) if there is none."""
    number = 0
    for k in range(10):
        if place + k >= len(data):
            break
        number |= (data[place + k] & 127) << 7 * k
        if data[place + k] < 128:
            return number, place + k + 1
    return None, place


def fields(data):
    """(field, value) of a message, from its first to its last: a number, or, of what has a length,
    the bytes. Raises ValueError where the bytes are no message."""
    place, widths = 0, {1: 8, 5: 4}
    while place < len(data):
        key, place = varint(data, place)
        kind = None if key is None else key & 7
        if kind == 0:
            number, place = varint(data, place)
            if number is None:
                raise ValueError("a number without an end")
            yield key >> 3, number
            continue
        length = widths.get(kind)
        if kind == 2:
            length, place = varint(data, place)
        if length is None or place + length > len(data):
            raise ValueError("no message, or not all of it")
        yield key >> 3, data[place : place + length]
        place += length
