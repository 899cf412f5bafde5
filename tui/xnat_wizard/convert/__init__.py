"""Conversion: NIfTI and BIDS from DICOM and PAR/REC, by naming rules. Knows no network and no XNAT."""
