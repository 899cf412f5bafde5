"""The words of the structure rules: of each code what happened, why it matters, and what to do."""

from dataclasses import dataclass

from xnat_wizard.dicom import structure
from xnat_wizard.findings import Severity

AGAIN = "Come back to this step and read the folder again (F5)"


@dataclass(frozen=True, slots=True)
class Rule:
    """The words of one code.

    In `what` stands {names}, in `why` may stand {layout}, in `todo` {example} of the layout, and {path} and {first},
    quoted for a shell. A step that says `choose the layout` stands in findings of the house rule only.
    """

    severity: Severity
    what: str
    why: str
    todo: tuple[str, ...]


_STOP, _ASK, _NOTE = Severity.STOP, Severity.ASK, Severity.NOTE

RULES: dict[str, Rule] = {
    structure.LOOSE_FILES: Rule(
        _STOP,
        "Images outside any subject folder: {names}",
        "Images belong in {layout}. At the top of the source nothing says whose they are",
        (
            "Make the folders: mkdir -p {example}, and move them there: mv -n {first} {example}/",
            "If all images lie here, choose the folder two levels up instead",
            'If the folders say nothing at all, choose the layout "headers": the patient ID becomes the subject',
            AGAIN,
        ),
    ),
    structure.SERIES_LAYER_MISSING: Rule(
        _STOP,
        "Images directly in the subject folder: {names}",
        "Images belong in {layout}, and the series folder is missing",
        (
            "Make a folder for the series, here with the name series-1: mkdir {path}/series-1",
            "Move the files there: mv -n {first} {path}/series-1/ and so on for each",
            "If this folder is itself a series, choose the folder above the source instead",
            'If all subjects are like this, choose the layout "flat": the series are then told by the headers',
            AGAIN,
        ),
    ),
    structure.SUBJECT_CHOSEN: Rule(
        _STOP,
        "The source looks like one subject, not like a folder of subjects: {names}",
        "Its folders hold images directly, and these belong to one patient or study. So they seem to be series folders",
        (
            "Choose the folder above as the source, so that it holds subject folder > series folder > files",
            "Or move them under a subject folder: mkdir SUBJECT && mv -n {first} SUBJECT/",
            AGAIN,
        ),
    ),
    structure.MISFIT: Rule(
        _STOP,
        "Images that do not fit the chosen layout: {names}",
        "Chosen is {layout}. Where these images lie, it does not say whose they are",
        (
            "If the others are wrong, too, choose a layout that fits",
            "Otherwise move the images to where they belong: mkdir -p {example}",
            AGAIN,
        ),
    ),
    structure.NO_SUBJECT: Rule(
        _STOP,
        "Images without a patient: {names}",
        "No folder names the subject in the chosen layout, and the headers name no patient",
        (
            "Choose a layout in which a folder names the subject",
            "Or put these images into a source of their own",
        ),
    ),
    structure.LAYER_ABOVE: Rule(
        _ASK,
        "There is one more layer of folders between subject and series: {names}",
        "The rule is {layout}. Sessions are made by the study in the headers, not by this folder",
        (
            'If these folders are sessions, choose the layout "subject-session-series"',
            "Look at the sessions in the plan: say yes there if they are right",
            "If these folders are the subjects, choose {path} as the source",
            "Or take the layer out: move the series folders up, right under the subject folder",
        ),
    ),
    structure.LAYER_BELOW: Rule(
        _NOTE,
        "The series folder is divided into sub-folders: {names}",
        "What lies in sub-folders is taken as part of the series that its headers name",
        ("Nothing needs to be done",),
    ),
    structure.MEDIUM: Rule(
        _NOTE,
        "The images lie in the folders of an exported medium: {names}",
        "A DICOMDIR stands beside them, and such folders have numbers for names. Studies and series are taken from the "
        "headers",
        ("Nothing needs to be done. Look at the sessions in the plan",),
    ),
    structure.OTHER_PATIENT: Rule(
        _ASK,
        "Images that may be another patient's: {names}",
        "The patient in their headers is not the one of the other images of this subject folder",
        (
            "Look at these images. If they are another person's, move them there: mv -n {first} OTHER-SUBJECT/SERIES/",
            "If they belong to this subject all the same, say yes to them in the plan",
        ),
    ),
    structure.NAMES_DIFFER: Rule(
        _NOTE,
        "One patient ID comes with different patient names: {names}",
        "The headers spell the name differently. A changed name does that, and so does a mix-up",
        ("Look at the images if this is unexpected",),
    ),
    structure.STUDY_IN_TWO_SUBJECTS: Rule(
        _ASK,
        "The same study lies under several subject folders: {names}",
        "One study belongs to one person. A folder that was copied and renamed looks like this",
        (
            "Find out whose study it is, and take the other folder out of the source",
            "Or say yes in the plan to the one that is right",
        ),
    ),
    structure.STUDY_IN_TWO_SESSIONS: Rule(
        _ASK,
        "The same study lies in several session folders: {names}",
        "One study is one session. A folder that was copied or divided looks like this",
        (
            "Find out which session it belongs to, and take the other folder out of the source",
            "Or say yes in the plan to the one that is right",
        ),
    ),
    structure.STUDIES_IN_SESSION: Rule(
        _NOTE,
        "Several studies lie in one session folder: {names}",
        "Each becomes a session of its own, named after the folder and numbered",
        ("Look at the sessions in the plan",),
    ),
    structure.STUDY_PER_FILE: Rule(
        _ASK,
        "Each file claims a study of its own: {names}",
        "The files of one folder have as many Study Instance UIDs. Some anonymizing programs do that by mistake, and "
        "XNAT would make a session of each file",
        (
            "Export or anonymize the images again, with one Study Instance UID for a study",
            "If each file really is a study, say yes to them in the plan",
        ),
    ),
    structure.STUDIES_IN_SERIES_FOLDER: Rule(
        _NOTE,
        "Files of several studies lie in one series folder: {names}",
        "They go to several sessions, by the study in their headers",
        ("Look at the sessions in the plan",),
    ),
    structure.TWO_SERIES: Rule(
        _NOTE,
        "Several series lie in one series folder: {names}",
        "Each becomes a scan of its own. Scanners export field maps like this",
        ("Nothing needs to be done",),
    ),
    structure.SERIES_SPLIT: Rule(
        _NOTE,
        "One series lies in several folders: {names}",
        "Its files have one Series Instance UID and become one scan",
        ("Nothing needs to be done, if that is right",),
    ),
    structure.SERIES_NUMBER_TWICE: Rule(
        _NOTE,
        "Several series of one study have the same number: {names}",
        "XNAT names scans by number, and tells such series apart by an addition, for instance 4-MR1 and 4-MR2",
        ("Nothing needs to be done. Look for the scans under such names",),
    ),
    structure.SERIES_UID_TWICE: Rule(
        _NOTE,
        "One Series Instance UID is used for several series numbers: {names}",
        "Some scanners and converters do that. XNAT may put them together into one scan",
        ("Compare the scans with the folders after the upload",),
    ),
    structure.CONFLICTING_COPY: Rule(
        _ASK,
        "Files with the identity of another file, but other bytes: {names}",
        "One SOP Instance UID stands for one image. XNAT keeps one of them, and which one is not decided by us",
        (
            "Find out which file is right, and take the other one out of the source",
            "Or say yes in the plan: then only the file is sent that each remark names as the one kept",
        ),
    ),
    structure.COPY: Rule(
        _NOTE,
        "Copies of images that are sent: {names}",
        "An image is sent once",
        ("Nothing needs to be done",),
    ),
    structure.INCOMPLETE_HEADER: Rule(
        _STOP,
        "Images without what XNAT needs to file them: {names}",
        "Without a valid SOP class, SOP instance, study and series UID an image is refused or lost. They are not sent",
        (
            "Export the images again from the scanner or the PACS",
            "Not repaired here: invented identities would break the link to the original",
        ),
    ),
    structure.ATTRIBUTE: Rule(
        _NOTE,
        "Something is missing or odd in the headers: {names}",
        "XNAT accepts such images, and shows gaps or makes up a scan number",
        ("Look at the session after the upload",),
    ),
    structure.COMPRESSED: Rule(
        _NOTE,
        "Compressed images: {names}",
        "XNAT keeps them, and may decompress them: then sizes and digests on the server differ from those on disk",
        ("Nothing needs to be done",),
    ),
    structure.NO_PICTURE: Rule(
        _NOTE,
        "DICOM objects without a picture: {names}",
        "They go along. XNAT shows them as scans of their own kind, without a preview",
        ("Nothing needs to be done",),
    ),
    structure.GAP: Rule(
        _NOTE,
        "The image numbers of a series have gaps: {names}",
        "Images may be missing from the export. Some scanners number like this on purpose",
        ("Compare the number of images with the scanner's or the PACS's list if this is unexpected",),
    ),
    structure.UNREADABLE: Rule(
        _STOP,
        "Files that cannot be sent: {names}",
        "Each is empty, cut, damaged or not permitted to be read. The other files of the folder still go",
        (
            "Copy or export these files again, then compare their sizes with the original: ls -l {path}",
            "Where permission is missing, ask the owner for it: chmod u+r FILE",
            AGAIN,
        ),
    ),
    structure.NOT_DICOM: Rule(
        _NOTE,
        "Not DICOM, not sent: {names}",
        "Only images in DICOM and whole PAR/REC pairs are sent",
        ("Nothing needs to be done",),
    ),
    structure.LITTER: Rule(
        _NOTE,
        "Litter, not sent: {names}",
        "Hidden files and folders, previews and the like are no images",
        ("Nothing needs to be done. If a hidden folder holds images, rename it without the dot",),
    ),
    structure.DICOMDIR: Rule(
        _NOTE,
        "The directory of a medium, not sent: {names}",
        "A DICOMDIR lists images and is none itself",
        ("Nothing needs to be done",),
    ),
    structure.ARCHIVE: Rule(
        _STOP,
        "Archives, not looked into: {names}",
        "Only files that lie in the folders are looked at",
        (
            "If images are inside, unpack them: unzip {first} -d SUBJECT/SERIES, or tar -xf, or gunzip -k for .gz",
            AGAIN,
        ),
    ),
    structure.LINK_BROKEN: Rule(
        _STOP,
        "Links to nothing: {names}",
        "What they point to is not there, or they point to themselves",
        ("See where it points: ls -l {first}", "Bring the file back or take the link away", AGAIN),
    ),
    structure.LINK_OUTSIDE: Rule(
        _STOP,
        "Links out of the source, not followed: {names}",
        "Only what lies inside the chosen folder is sent",
        (
            "To send what it points to, put the files themselves in its place: cp -rL {first} COPY",
            "Or choose the folder that it points to as the source",
            AGAIN,
        ),
    ),
    structure.LINK_SKIPPED: Rule(
        _NOTE,
        "Links to what is read anyway: {names}",
        "Nothing is sent twice, and a link to a subject folder is no second subject",
        ("Nothing needs to be done",),
    ),
    structure.EMPTY_FOLDER: Rule(
        _NOTE,
        "Folders without any file: {names}",
        "Nothing is made of them on the server",
        ("If images should be there, copy or export them again",),
    ),
    structure.PARREC_PARTNER: Rule(
        _STOP,
        "PAR or REC without a partner: {names}",
        "A scan is a PAR and a REC of the same name in the same folder. Half of it is not sent",
        ("Copy the missing half beside it, or give both the same name: mv -n OLD.REC NEW.REC", AGAIN),
    ),
    structure.PARREC_SIZE: Rule(
        _STOP,
        "PAR and REC do not fit: {names}",
        "The REC must be as long as the list of images in the PAR says. The pair is not sent",
        ("Export or copy the scan again, then compare the sizes with the original: ls -l {path}", AGAIN),
    ),
    structure.PARREC_BROKEN: Rule(
        _STOP,
        "PAR headers that cannot be used: {names}",
        "Without a whole PAR header its REC cannot be read by anyone. Neither is sent",
        ("Export or copy the scan again", AGAIN),
    ),
    structure.PARREC_CASE: Rule(
        _NOTE,
        "PAR and REC are spelled differently: {names}",
        "They differ in capital letters only and are taken as a pair",
        ("Nothing needs to be done",),
    ),
    structure.FOLDER_UNREADABLE: Rule(
        _STOP,
        "A folder that cannot be read: {names}",
        "The system refused it, so what lies in it is not known and not sent",
        ("See who may: ls -ld {path}", "Ask its owner: chmod u+rx, or g+rx for your group", AGAIN),
    ),
    structure.MEMBER_NAME: Rule(
        _STOP,
        "Files in the archive whose names lead out of it: {names}",
        "When unpacked, such a file would be written outside of the folder. It is not read and not sent",
        (
            "Find out where the archive comes from",
            "If the files are wanted, pack them again with names below one folder",
            AGAIN,
        ),
    ),
    structure.MEMBER_LOCKED: Rule(
        _STOP,
        "Files in the archive that are locked with a password: {names}",
        "They cannot be read without it, and passwords of archives are not asked for here",
        ("Unpack the archive with its password into a new folder, and choose that", AGAIN),
    ),
    structure.MEMBER_OLDER: Rule(
        _NOTE,
        "Files in the archive that are there twice under one name: {names}",
        "The later one counts, as when the archive is unpacked",
        ("Nothing needs to be done",),
    ),
    structure.ARCHIVE_CUT: Rule(
        _STOP,
        "The archive ends too early: {names}",
        "What comes behind that place is not known and not sent. An interrupted copy looks like this",
        ("Copy or export the archive again, then compare its size with the original: ls -l {path}", AGAIN),
    ),
    structure.ARCHIVE_TOP: Rule(
        _NOTE,
        "All of the archive lies in one folder, which is taken as the source: {names}",
        "By the depth of the files, the folders inside it are the subjects",
        ("Look at the subjects in the plan. If that folder is the subject, unpack the archive and choose the folder",),
    ),
    structure.NO_IMAGES: Rule(
        _STOP,
        "There is nothing to send in this folder: {names}",
        "It holds files, but no readable DICOM image and no whole PAR/REC pair",
        ("Choose the folder that holds the subject folders", "Read the other remarks: they say what the files are"),
    ),
}
