"""Attribution of many journeys beside published libraries, each in a process of its own."""
