"""The three services of Earned: they import `shared`, never each other."""
