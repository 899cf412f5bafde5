"""How the wizard looks: calm colours that 256-colour terminals show exactly, and the terminal's own without.

Text stands out from its ground by 4.5 to 1 at least, in the themes of high contrast by 7 to 1 (WCAG 2.2, 1.4.3 and
1.4.6); the tests measure it on drawn screens.
"""

from textual.theme import Theme

ANSI_THEME = "ansi-dark"

# Each colour is one of the 256 of xterm, so that a terminal without true colour shows the same picture.
WIZARD_DARK = Theme(
    name="wizard-dark",
    dark=True,
    primary="#5fafd7",
    secondary="#5f87af",
    accent="#d7af5f",
    success="#87af5f",
    warning="#d7af5f",
    error="#d75f5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    variables={
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#eeeeee",
        "block-cursor-blurred-background": "#262626",
        "block-cursor-blurred-text-style": "none",
        "finding-cursor": "#3a3a3a",
        "foreground-muted": "#949494",
        "text-muted": "#949494",
        "text-disabled": "#949494",
        "text-primary": "#87afd7",
        "text-success": "#87af5f",
        "text-warning": "#d7af5f",
        "text-error": "#ff8787",
        "footer-key-foreground": "#5fafd7",
        "scrollbar": "#4e4e4e",
        "scrollbar-hover": "#5f87af",
        "scrollbar-active": "#5fafd7",
        "scrollbar-background": "#1c1c1c",
        "scrollbar-background-hover": "#1c1c1c",
        "scrollbar-background-active": "#1c1c1c",
    },
)

WIZARD_LIGHT = Theme(
    name="wizard-light",
    dark=False,
    primary="#005f87",
    secondary="#5f87af",
    accent="#875f00",
    success="#005f00",
    warning="#875f00",
    error="#af0000",
    foreground="#262626",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#dadada",
    variables={
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#d0d0d0",
        "finding-cursor": "#dadada",
        "foreground-muted": "#585858",
        "text-muted": "#585858",
        "text-disabled": "#5f5f5f",
        "text-primary": "#005f87",
        "text-success": "#005f00",
        "text-warning": "#5f5f00",
        "text-error": "#af0000",
        "footer-key-foreground": "#005f87",
    },
)

WIZARD_CONTRAST_DARK = Theme(
    name="wizard-contrast-dark",
    dark=True,
    primary="#87d7ff",
    secondary="#87d7ff",
    accent="#ffd75f",
    success="#87ff87",
    warning="#ffd75f",
    error="#ff8787",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    variables={
        "block-cursor-background": "#ffffff",
        "block-cursor-foreground": "#000000",
        "block-cursor-blurred-background": "#1c1c1c",
        "block-cursor-blurred-foreground": "#ffffff",
        "block-cursor-blurred-text-style": "none",
        "finding-cursor": "#1c1c1c",
        "foreground-muted": "#d0d0d0",
        "text-muted": "#d0d0d0",
        "text-disabled": "#afafaf",
        "text-primary": "#87d7ff",
        "text-success": "#87ff87",
        "text-warning": "#ffd75f",
        "text-error": "#ff8787",
        "footer-key-foreground": "#87d7ff",
    },
)

WIZARD_CONTRAST_LIGHT = Theme(
    name="wizard-contrast-light",
    dark=False,
    primary="#00005f",
    secondary="#00005f",
    accent="#5f0087",
    success="#005f00",
    warning="#5f0087",
    error="#870000",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#ffffff",
    variables={
        "block-cursor-background": "#000000",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#eeeeee",
        "block-cursor-blurred-foreground": "#000000",
        "block-cursor-blurred-text-style": "none",
        "finding-cursor": "#eeeeee",
        "foreground-muted": "#303030",
        "text-muted": "#303030",
        "text-disabled": "#4e4e4e",
        "text-primary": "#00005f",
        "text-success": "#005f00",
        "text-warning": "#5f0087",
        "text-error": "#870000",
        "footer-key-foreground": "#00005f",
    },
)

VARIABLES = {"finding-cursor": "ansi_white"}  # what is ours in the style sheet, for the terminal's own colours
THEMES = (WIZARD_DARK, WIZARD_LIGHT, WIZARD_CONTRAST_DARK, WIZARD_CONTRAST_LIGHT)
NAMES = (*(theme.name for theme in THEMES), ANSI_THEME)


def theme_for(wanted: str, *, has_colours: bool) -> str:
    """Return the name of the theme to begin with: the wanted one where the terminal has the colours for it."""
    if not has_colours:
        return ANSI_THEME
    return wanted if wanted in NAMES else WIZARD_DARK.name
