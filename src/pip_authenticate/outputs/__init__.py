"""How settings reach whatever runs next: one module for each output."""
