"""Answers to pages."""
