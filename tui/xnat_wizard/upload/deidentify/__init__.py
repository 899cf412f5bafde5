"""De-identification on the way: files leave the house de-identified by DICOM PS3.15 annex E, those on disk stay.

Codes of the findings made here:

    deidentify.two_ways         dates were to be kept and moved at once
    deidentify.burnt_in         pictures that may have writing in them are held back, or sent by the person's word
    deidentify.no_header        objects that cannot be de-identified by their header are held back
    deidentify.free_text        descriptions are kept, and may hold names
    deidentify.label_tells      a label of the plan is the name or number of the patient
    deidentify.pixels           pictures are not changed
    deidentify.unknown          what is to be kept is nothing that can be
    deidentify.not_chosen       it was said what to keep, and not to de-identify
    deidentify.no_map           the upload has no mapping, since its files went as they are
"""
