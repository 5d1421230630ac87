"""Do the tests notice? Small wrongs done to the fold, one at a time: ``make mutation``."""
