"""The lab: studies and their store, results, statistics, selection."""
