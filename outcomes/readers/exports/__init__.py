"""Exports of systems: REDCap, CDISC, OMOP, survey systems."""
