"""Cleaning: interpolation, winsorising, outliers, deflation, logs; every changed cell goes to a ledger."""
