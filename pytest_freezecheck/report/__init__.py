"""What people and programs read. Knows neither pytest nor TensorFlow."""
