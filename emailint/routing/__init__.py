"""What is made of a message: pure decisions, each with its trace."""
