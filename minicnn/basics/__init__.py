"""What every room may use and has nothing to do with networks: files, names, sentences."""
