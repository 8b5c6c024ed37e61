"""What runs chapters, exercises and the book of the lectures."""
