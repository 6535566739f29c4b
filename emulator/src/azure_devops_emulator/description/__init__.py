"""What an emulated organisation is made of, as its file describes it."""
