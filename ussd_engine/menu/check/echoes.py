"""Leave out findings that only repeat a greater one.

Where a file could not be read to its end, what follows is missing for every other file too: twenty
`There is no state …` would hide the one bracket to close. They come back, if they are true, when the
file can be read.
"""

from ussd_engine.menu.findings import Finding

_CUT = ("syntax", "too-big")  # the file was not read past this place
_NO_FILE = ("missing-file", "empty-file")
_MISSING = ("missing-key", "missing-language", "no-kind", "empty")  # may be in the part that was not read
_ELSEWHERE = ("unknown-state", "unused", "unset", "unreachable")  # may be about that part
_FIRST = "service.yaml"


def without_echoes(findings: list[Finding]) -> list[Finding]:
    """The findings that stand by themselves."""
    cut = {finding.file for finding in findings if finding.code in _CUT}
    lost = bool(cut) or any(finding.code in _NO_FILE for finding in findings)
    if _FIRST in cut:  # without the languages and variables nothing else can be judged
        findings = [finding for finding in findings if finding.file == _FIRST or finding.code in _CUT]
    return [
        finding
        for finding in findings
        if not (finding.file in cut and finding.code in _MISSING)
        and not (lost and finding.code in _ELSEWHERE)
    ]
