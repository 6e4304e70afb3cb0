"""Protocols over metrics, and the report."""
