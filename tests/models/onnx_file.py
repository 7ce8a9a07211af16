"""ONNX files, written by hand: GlobalAveragePool, the mean of each channel of a [1, C, H, W] tensor of f32, and those times a
second input.

The format is protocol buffers (onnx.proto3 of the ONNX project names the fields): a field is its number and kind, then a
varint, or a length and bytes.
"""


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, shape):
    dimensions = b"".join(block(1, number(1, size)) for size in shape)            # TensorShapeProto.dim.dim_value
    kind = block(1, number(1, 1) + block(2, dimensions))                          # TypeProto.tensor_type: FLOAT, shape
    return block(1, name) + block(2, kind)                                        # ValueInfoProto


def mean_of_channels(channels, height, width):
    node = block(1, "x") + block(2, "y") + block(4, "GlobalAveragePool")          # NodeProto: input, output, op_type
    graph = (block(1, node) + block(2, "means") + block(11, tensor("x", (1, channels, height, width)))
             + block(12, tensor("y", (1, channels, 1, 1))))
    return number(1, 7) + block(7, graph) + block(8, number(2, 13))               # ModelProto: IR 7, graph, operator set 13


def mean_times_speed(channels, height, width):
    nodes = (block(1, block(1, "picture") + block(2, "means") + block(4, "GlobalAveragePool"))
             + block(1, block(1, "means") + block(1, "speed") + block(2, "y") + block(4, "Mul")))
    # The speed stands first among the inputs: names say which is which, not their order.
    graph = (nodes + block(2, "scaled") + block(11, tensor("speed", (1,)))
             + block(11, tensor("picture", (1, channels, height, width))) + block(12, tensor("y", (1, channels, 1, 1))))
    return number(1, 7) + block(7, graph) + block(8, number(2, 13))
