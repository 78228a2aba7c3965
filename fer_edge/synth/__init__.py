"""IntegerNetwork → placement → ONNX, YAML, checkpoint, register program and C: `synthesize` does it all."""
