"""What every HTTP surface shares: the application factory, authentication, problems, cursors."""
