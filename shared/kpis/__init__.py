"""What every figure means: measures, KPI definitions, formulas and ROI. Pure: no I/O, no clock."""
