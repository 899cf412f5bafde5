"""PAR/REC pairs and DICOM series with real geometry, made in code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dicom.images import as_bytes, header

COLUMNS = """slice number (integer)
echo number (integer)
dynamic scan number (integer)
cardiac phase number (integer)
image_type_mr (integer)
scanning sequence (integer)
index in REC file (in images) (integer)
image pixel size (in bits) (integer)
scan percentage (integer)
recon resolution (x y) (2*integer)
rescale intercept (float)
rescale slope (float)
scale slope (float)
window center (integer)
window width (integer)
image angulation (ap,fh,rl in degrees ) (3*float)
image offcentre (ap,fh,rl in mm ) (3*float)
slice thickness (in mm ) (float)
slice gap (in mm ) (float)
image_display_orientation (integer)
slice orientation ( TRA/SAG/COR ) (integer)
fmri_status_indication (integer)
image_type_ed_es  (end diast/end syst) (integer)
pixel spacing (x,y) (in mm) (2*float)
echo_time (float)
dyn_scan_begin_time (float)
trigger_time (float)
diffusion_b_factor (float)
number of averages (integer)
image_flip_angle (in degrees) (float)
cardiac frequency   (bpm) (integer)
minimum RR-interval (in ms) (integer)
maximum RR-interval (in ms) (integer)
TURBO factor  <0=no turbo> (integer)
Inversion delay (in ms) (float)
diffusion b value number    (imagekey!) (integer)
gradient orientation number (imagekey!) (integer)
contrast type (string)
diffusion anisotropy type (string)
diffusion (ap, fh, rl) (3*float)
label type (ASL)            (imagekey!) (integer)
"""


def write_pair(
    folder: Path,
    stem: str = "scan",
    *,
    protocol: str = "T1W 3D",
    patient: str = "Secret^Person",
    number: int = 5,
    slices: int = 4,
    kinds: Sequence[tuple[int, int, int]] = ((1, 1, 0),),
    orientations: Sequence[int] = (1,),
) -> Path:
    """Write a V4.2 pair of 8 x 8 slices of 2 mm every 3 mm; a volume for each (echo, dynamic, image type)."""
    rows: list[str] = []
    pixels = []
    for echo, dynamic, kind in kinds:
        for at in range(slices):
            place = 3.0 * (at - (slices - 1) / 2)
            rows.append(
                f" {at + 1} {echo} {dynamic} 1 {kind} 1 {len(rows)} 16 100 8 8 0.0 2.0 4.0 100 200 0.0 0.0 0.0 1.0 "
                f"{place + 2.0} 3.0 2.5 0.5 0 {orientations[at % len(orientations)]} 0 2 2.0 2.0 {10.0 * echo} "
                f"{2.0 * dynamic - 2.0} 0.0 "
                f"0.0 1 30.0 0 0 0 0 0.0 1 1 8 0 0.0 0.0 0.0 1"
            )
            pixels.append(np.arange(64, dtype="<u2").reshape(8, 8) + 100 * at + 1000 * echo + 50 * dynamic)
    general = {
        "Patient name": patient,
        "Examination name": "exam of Secret",
        "Protocol name": protocol,
        "Examination date/time": "2026.01.02 / 10:15:00",
        "Series Type": "Image   MRSERIES",
        "Acquisition nr": number,
        "Reconstruction nr": 1,
        "Scan Duration [sec]": 8,
        "Max. number of cardiac phases": 1,
        "Max. number of echoes": max(kind[0] for kind in kinds),
        "Max. number of slices/locations": slices,
        "Max. number of dynamics": max(kind[1] for kind in kinds),
        "Max. number of mixes": 1,
        "Patient position": "Head First Supine",
        "Preparation direction": "Right-Left",
        "Technique": "FFE",
        "Scan resolution  (x, y)": "8  8",
        "Scan mode": "MS",
        "Repetition time [ms]": "2000.0",
        "FOV (ap,fh,rl) [mm]": f"16.0 {3.0 * slices} 16.0",
        "Water Fat shift [pixels]": "1.0",
        "Angulation midslice(ap,fh,rl)[degr]": "0.0 0.0 0.0",
        "Off Centre midslice(ap,fh,rl) [mm]": "1.0 2.0 3.0",
        "Flow compensation <0=no 1=yes> ?": 0,
        "Presaturation     <0=no 1=yes> ?": 0,
        "Phase encoding velocity [cm/sec]": "0.0 0.0 0.0",
        "MTC               <0=no 1=yes> ?": 0,
        "SPIR              <0=no 1=yes> ?": 0,
        "EPI factor        <0,1=no EPI>": 1,
        "Dynamic scan      <0=no 1=yes> ?": int(max(kind[1] for kind in kinds) > 1),
        "Diffusion         <0=no 1=yes> ?": 0,
        "Diffusion echo time [ms]": "0.0",
        "Max. number of diffusion values": 1,
        "Max. number of gradient orients": 1,
        "Number of label types   <0=no ASL>": 0,
    }
    lines = [
        "# === DATA DESCRIPTION FILE ======",
        "#",
        "# Dataset name: secret",
        "#",
        "# CLINICAL TRYOUT             Research image export tool     V4.2",
        "#",
        "# === GENERAL INFORMATION ======",
        "#",
        *(f".    {name:<35}:   {value}" for name, value in general.items()),
        "#",
        "# === IMAGE INFORMATION DEFINITION ======",
        "#",
        *(f"#  {line}" for line in COLUMNS.splitlines()),
        "#",
        "# === IMAGE INFORMATION ======",
        "#  sl ec  dyn ph ty    idx pix scan% rec size",
        "",
        *rows,
        "",
        "# === END OF DATA DESCRIPTION FILE ======",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.PAR").write_text("\n".join(lines) + "\n", encoding="latin-1")
    (folder / f"{stem}.REC").write_bytes(b"".join(image.tobytes() for image in pixels))
    return folder / f"{stem}.PAR"


def write_dicom(
    folder: Path,
    *,
    patient: str = "P1",
    study: int = 1,
    number: int = 1,
    description: str = "t1_mprage",
    slices: int = 4,
    echoes: Sequence[float] = (0.0,),
    volumes: int = 1,
    **attributes: object,
) -> None:
    """Write a series of 8 x 8 slices of 2 mm every 3 mm, a set for each echo time in ms and each volume."""
    folder.mkdir(parents=True, exist_ok=True)
    image = 0
    for volume in range(volumes):
        for echo, time_ms in enumerate(echoes, 1):
            for at in range(slices):
                image += 1
                dataset = header(patient=patient, study=study, series=number, image=image)
                dataset.PatientName = "Secret^Person"
                dataset.PatientBirthDate = "19700101"
                dataset.SeriesDescription = description
                dataset.ProtocolName = description
                dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
                dataset.FrameOfReferenceUID = "1.2.826.0.1.9.99"
                dataset.ImagePositionPatient = [-8.0, -8.0, 3.0 * at]
                dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
                dataset.PixelSpacing = [2.0, 2.0]
                dataset.SliceThickness = 3.0
                dataset.SpacingBetweenSlices = 3.0
                dataset.AcquisitionNumber = volume + 1
                dataset.AcquisitionTime = f"1015{volume:02d}"
                dataset.MagneticFieldStrength = 3.0
                dataset.RepetitionTime = 2000.0
                dataset.EchoTime = time_ms or 30.0
                dataset.EchoNumbers = echo
                dataset.FlipAngle = 9.0
                dataset.MRAcquisitionType = "2D"
                dataset.ScanningSequence = "GR"
                dataset.SequenceVariant = "SK"
                dataset.Rows = dataset.Columns = 8
                dataset.BitsAllocated = dataset.BitsStored = 16
                dataset.HighBit = 15
                dataset.PixelRepresentation = 0
                dataset.SamplesPerPixel = 1
                dataset.PhotometricInterpretation = "MONOCHROME2"
                dataset.PixelData = (np.arange(64, dtype="<u2") + 100 * at + 1000 * echo + 10 * volume).tobytes()
                for keyword, value in attributes.items():
                    setattr(dataset, keyword, value)
                (folder / f"{image:04d}.dcm").write_bytes(as_bytes(dataset))
