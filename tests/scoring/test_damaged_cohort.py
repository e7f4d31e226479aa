import json

from typer.testing import CliRunner

from mc2sleepnet.cli import app
from signals.damaged_files import DAMAGES, write_damages


def test_a_folder_of_every_damage_is_scored_where_it_can_be_and_the_rest_named(tmp_path, model_dir):
    folder = tmp_path / "damaged"
    folder.mkdir()
    paths = write_damages(folder)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["score", str(folder), "--out", str(out), "--model", str(model_dir), "--json"])
    assert result.exit_code == 1, result.exception
    told = {line["file"].rpartition("/")[2]: line for line in map(json.loads, result.stdout.splitlines())}
    for damage in DAMAGES:
        name = paths[damage.name].name
        status, error = told[name]["status"], told[name].get("error")
        is_read = damage.outcome == "read" and damage.name != "flat from end to end"
        assert status == ("scored" if is_read else "failed"), (damage.name, error)
        if is_read:
            provenance = json.loads((out / name.rpartition(".")[0] / "provenance.json").read_text(encoding="utf-8"))
            assert set(damage.told) <= {finding["id"] for finding in provenance["findings"]}
        else:
            assert name in error
            assert name in result.stderr
