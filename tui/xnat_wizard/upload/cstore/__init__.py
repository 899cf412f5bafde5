"""The route by DICOM: C-STORE to a receiver, identification written into the copy that travels.

Codes of the findings made here:

    cstore.bad_address, .bad_title, .bad_identification    what cannot be used as it was given
    plan.no_receiver            a plan by DICOM that does not say to whom
    cstore.no_dcmsend           the program that was chosen is not installed
    cstore.no_copies            there is no room for the copies that it reads
    cstore.unreachable, .rejected, .crowded, .no_echo      the receiver does not let anything in
    cstore.out_of_resources     the receiver has no room, and the upload has stopped
    cstore.refused, .nothing_taken, .not_offered           what the receiver does not take
    cstore.not_found, .not_moved, .elsewhere               what it took and the project does not show
    cstore.not_looked_up        acknowledged, and nobody looked: there was no login
"""
