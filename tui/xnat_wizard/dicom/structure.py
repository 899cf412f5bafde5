"""The structure rules: one code for each way the house rule subject > series > files can be broken.

The rules themselves stand in `layers` (depth of folders), `identity` (patients, studies, series), `copies` and `judge`
(PAR/REC), their words in `rules`; `faults` makes few findings of many faults.
"""

# code                                              what it says
LOOSE_FILES = "structure.loose_files"  # images at the top of the source, in no subject folder
SERIES_LAYER_MISSING = "structure.series_layer_missing"  # images directly in a subject folder
SUBJECT_CHOSEN = "structure.subject_chosen"  # the source seems to be one subject: its folders are series
MISFIT = "structure.misfit"  # images that do not fit the chosen layout
NO_SUBJECT = "structure.no_subject"  # no patient ID, where the layout takes it for the subject
LAYER_ABOVE = "structure.layer_above"  # one more folder between subject and series
LAYER_BELOW = "structure.layer_below"  # a series folder is divided into sub-folders
MEDIUM = "structure.medium"  # deep folders of an exported medium, read by their headers
OTHER_PATIENT = "structure.other_patient"  # another patient's images in a subject folder
NAMES_DIFFER = "structure.names_differ"  # one patient ID, several spellings of the name
STUDY_IN_TWO_SUBJECTS = "structure.study_in_two_subjects"  # one study lies under several subject folders
STUDY_IN_TWO_SESSIONS = "structure.study_in_two_sessions"  # one study lies in several session folders
STUDIES_IN_SESSION = "structure.studies_in_session"  # several studies in one session folder
STUDY_PER_FILE = "structure.study_per_file"  # each file of a folder claims a study of its own
STUDIES_IN_SERIES_FOLDER = "structure.studies_in_series_folder"  # files of several studies in one series folder
TWO_SERIES = "structure.two_series"  # several series in one series folder
SERIES_SPLIT = "structure.series_split"  # one series lies in several series folders
SERIES_NUMBER_TWICE = "structure.series_number_twice"  # several series of a study share a number
SERIES_UID_TWICE = "structure.series_uid_twice"  # one Series Instance UID under several numbers
CONFLICTING_COPY = "structure.conflicting_copy"  # one SOP Instance UID, different bytes
COPY = "structure.copy"  # byte-identical copies
INCOMPLETE_HEADER = "structure.incomplete_header"  # UIDs that XNAT needs are missing or no UIDs
ATTRIBUTE = "structure.attribute"  # something useful is missing or malformed: modality, number, date, patient
COMPRESSED = "structure.compressed"  # a compressed or unknown transfer syntax
NO_PICTURE = "structure.no_picture"  # reports, plans, raw data
GAP = "structure.gap"  # instance numbers with holes
UNREADABLE = "structure.unreadable"  # cut, broken, empty, or no permission
NOT_DICOM = "structure.not_dicom"  # other files
LITTER = "structure.litter"  # what desktops leave behind
DICOMDIR = "structure.dicomdir"  # a medium's directory
ARCHIVE = "structure.archive"  # zip, tar, gzip inside the source
LINK_BROKEN = "structure.link_broken"  # a link to nothing or to itself
LINK_OUTSIDE = "structure.link_outside"  # a link out of the source
LINK_SKIPPED = "structure.link_skipped"  # a link to what is read anyway
EMPTY_FOLDER = "structure.empty_folder"  # a folder without any file
PARREC_PARTNER = "structure.parrec_partner"  # a PAR without REC, or a REC without PAR
PARREC_SIZE = "structure.parrec_size"  # a REC that is not as long as its PAR says
PARREC_BROKEN = "structure.parrec_broken"  # a PAR that was cut, or a .par that is no PAR
PARREC_CASE = "structure.parrec_case"  # partners whose names differ in case
MEMBER_NAME = "structure.member_name"  # a member of an archive whose name leads out of it
MEMBER_LOCKED = "structure.member_locked"  # a member of an archive with a password
MEMBER_OLDER = "structure.member_older"  # a member of an archive that a later one replaces
FOLDER_UNREADABLE = "survey.folder_unreadable"  # a folder that may not be read
ARCHIVE_CUT = "survey.archive_cut"  # an archive that ends early
ARCHIVE_TOP = "survey.archive_top"  # the single folder at the top of an archive is looked through
NO_IMAGES = "survey.no_images"  # files, but nothing that can be sent
