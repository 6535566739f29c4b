"""What names the indexes of a run: one module for each kind of source."""
