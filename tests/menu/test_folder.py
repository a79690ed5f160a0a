from pathlib import Path

from tests.menu.example import GOOD, Lender, check
from ussd_engine.menu import check_folder, read_sources
from ussd_engine.menu.source import MAX_FILE


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_checked_like_its_sources(tmp_path):
    checked = check_folder(write(tmp_path, GOOD), Lender())
    assert checked.ok
    assert checked.findings == []
    assert checked.sources == GOOD


def test_journeys_hidden_files_and_other_kinds_of_files_are_no_part_of_a_bundle(tmp_path):
    write(
        tmp_path,
        {**GOOD, "journeys/apply.yaml": "x", ".hidden.yaml": "x", "notes.txt": "x", "sub/a.yaml": "x: y"},
    )
    assert set(read_sources(tmp_path)) == {*GOOD, "sub/a.yaml"}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    outside = write(tmp_path / "outside", {"secret.yaml": "a: b"})
    folder = write(tmp_path / "menus", GOOD)
    (folder / "link.yaml").symlink_to(outside / "secret.yaml")
    assert set(read_sources(folder)) == set(GOOD)


def test_windows_line_ends_and_bytes_that_are_not_utf_8_are_read(tmp_path):
    folder = write(tmp_path, GOOD)
    (folder / "loans.yaml").write_bytes(GOOD["loans.yaml"].replace("\n", "\r\n").encode())
    assert check_folder(folder, Lender()).findings == []
    (folder / "loans.yaml").write_bytes(b"states:\n  a: {end: caf\xe9}\n")
    findings = check_folder(folder, Lender()).findings
    assert [(f.line, f.column, f.message) for f in findings] == [(2, 15, "The file is not saved as UTF-8.")]


def test_a_huge_file_is_not_read_whole(tmp_path):
    folder = write(tmp_path, {**GOOD, "huge.yaml": "x" * (8 * MAX_FILE)})
    assert len(read_sources(folder)["huge.yaml"]) <= 4 * MAX_FILE + 4


def test_a_folder_that_is_not_there_is_a_finding(tmp_path):
    checked = check_folder(tmp_path / "nowhere", Lender())
    assert [finding.code for finding in checked.findings] == ["missing-file"]


def test_a_services_own_files_are_checked_by_the_service():
    checked = check({**GOOD, "products.yaml": "broken"})
    assert [(f.file, f.line, f.column, f.message, f.hint) for f in checked.findings] == [
        ("products.yaml", 1, 3, "The fee is missing.", "Add `fee:`.")
    ]
    assert check({**GOOD, "products.yaml": "fine"}).data == "fine"


def test_the_loan_menus_of_this_repository_have_no_errors():
    checked = check_folder(Path("menus/umoja"))
    assert checked.ok, checked.findings
