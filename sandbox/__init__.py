"""Vendor look-alikes on loopback, held to the vendors' published contracts.

For the demo, the tests and partners: HubSpot, LinkedIn and Google Analytics 4 play the year of
"Golden Ratio", a fictional company whose advocacy figures are known to the cent.
"""
