"""What Inspect finds here: everything that is decorated for it. Imported by every Inspect process."""
