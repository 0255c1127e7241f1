"""ONNX models: read, and said as layers."""
