"""FHIR: resources in, a table of text with addresses out."""
