"""Local image data: headers, survey, structure rules, PAR/REC, pictures. Knows nothing of XNAT or any network."""
