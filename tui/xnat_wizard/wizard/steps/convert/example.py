"""The built-in example of naming rules: what brain studies usually have. A copy is a beginning of one's own."""

EXAMPLE = """\
# Naming rules. The first rule that takes a series names it.
# match: description, protocol, image_type, echo, images, modality, source; * and ? stand for any letters.
# bids:  anat/T1w, func/task-rest_bold, dwi/dwi, fmap/phasediff and so on.

[dataset]
name = "Name of the study"

[[rule]]
name = "T1w"
match = { description = ["*mprage*", "*t1w*", "*t1_*", "*t1-*", "*t1 *", "t1", "*bravo*", "*spgr*"] }
bids = "anat/T1w"

[[rule]]
name = "FLAIR"
match = { description = ["*flair*", "*tirm*", "*dark-fluid*"] }
bids = "anat/FLAIR"

[[rule]]
name = "T2w"
match = { description = ["*t2w*", "*t2_*", "*t2-*", "*t2 *", "t2"] }
bids = "anat/T2w"

[[rule]]
name = "rest"
match = { description = ["*rest*", "*rsfmri*", "*rs_fmri*"] }
bids = "func/task-rest_bold"
sidecar = { TaskName = "rest" }

[[rule]]
name = "dwi"
match = { description = ["*dwi*", "*dti*", "*diff*", "*hardi*"] }
bids = "dwi/dwi"
"""
