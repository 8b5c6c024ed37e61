"""Using a trained network: scoring it on a data set, segmenting photographs."""
