"""Rules of the wire that hold for every endpoint (§3.2, §3.3, §3.7, §3.8)."""

from __future__ import annotations

import httpx
import pytest
from emulator_kit import NOBODY, Shop, emulator, raw, refused
from metronome import Metronome

METRIC = {"name": "m", "aggregation_type": "COUNT"}
JAN = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("header", [{}, {"Authorization": ""}, {"Authorization": "Bearer "}, {"Authorization": "Basic abc"}])
def test_a_call_without_a_bearer_token_is_401(http: httpx.Client, header: dict[str, str]) -> None:
    """§3.1, §3.3: no usable token, no service."""
    del http.headers["Authorization"]
    assert "Bearer" in refused(http.get("/v1/customers", headers=header), 401)


def test_a_set_token_is_the_only_one_that_opens() -> None:
    """An emulator with a token takes that one only."""
    with emulator(token="secret") as app, raw(app) as http:
        refused(http.get("/v1/customers"), 401)
        assert http.get("/v1/customers", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_an_unknown_route_says_what_is_emulated(http: httpx.Client) -> None:
    """Issue 2.6: 404 names the endpoints that there are; a wrong method is an unknown route too."""
    assert "POST /v1/contract-pricing/rate-cards/addRates" in refused(http.get("/v1/nothing"), 404)
    assert "DELETE /v1/customers" in refused(http.delete("/v1/customers"), 404)


@pytest.mark.parametrize(
    "path", ["/v1/alerts/create", "/v1/packages/list", f"/v1/customers/{NOBODY}/plans/add", "/v1/usage/seats"]
)
def test_endpoints_of_the_api_that_are_not_emulated_are_501(http: httpx.Client, path: str) -> None:
    """Issue 4.1: the rest of §18 is known, and not emulated."""
    assert "not emulated" in refused(http.post(path, json={}), 501)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "malformed"),
        (b"\xff", "UTF-8"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": 1e999}', "out of range"),
        (b'{"name": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"name": ' + b"[" * 70 + b"]" * 70 + b"}", "deep"),
        (b"[" * 100_000, "deep"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b"[]", "must be an object"),
        (b'"text"', "must be an object"),
    ],
)
def test_a_malformed_body_is_400(http: httpx.Client, body: bytes, complaint: str) -> None:
    """What isn't JSON, or can't be stored and answered again, is refused with the reason."""
    assert complaint in refused(http.post("/v1/billable-metrics/create", content=body), 400)


def test_every_problem_of_a_body_is_named_in_one_answer(http: httpx.Client) -> None:
    """Required, type and enum problems come together."""
    message = refused(http.post("/v1/billable-metrics/create", json={"aggregation_type": "MEAN", "group_keys": "x"}), 400)
    assert "name is required" in message
    assert "aggregation_type must be one of" in message
    assert "group_keys must be an array" in message


def test_null_is_no_value_where_the_type_is_not_nullable(http: httpx.Client) -> None:
    """§3.2: JSON null clears only where the type is nullable."""
    assert "aggregation_key must not be null" in refused(
        http.post("/v1/billable-metrics/create", json=METRIC | {"aggregation_key": None}), 400
    )


def test_unknown_fields_are_ignored(http: httpx.Client) -> None:
    """§3.2, §17.44: a misspelt optional field passes quietly."""
    assert http.post("/v1/billable-metrics/create", json=METRIC | {"grup_keys": 7}).status_code == 200


def test_enums_come_in_either_case_and_go_out_in_upper_case(http: httpx.Client) -> None:
    """§3.2: "count" is COUNT."""
    id = http.post("/v1/billable-metrics/create", json=METRIC | {"aggregation_type": "count"}).json()["data"]["id"]
    assert http.get(f"/v1/billable-metrics/{id}").json()["data"]["aggregation_type"] == "COUNT"


@pytest.mark.parametrize("id", ["42", "", "zz000000-0000-4000-8000-000000000000", "00000000000040008000000000000000"])
def test_a_malformed_uuid_is_400(http: httpx.Client, id: str) -> None:
    """§3.2: in bodies; the last is a UUID without its dashes."""
    assert "must be a UUID" in refused(http.post("/v1/contract-pricing/products/get", json={"id": id}), 400)


def test_a_malformed_uuid_in_a_path_is_400_and_an_unknown_one_404(http: httpx.Client) -> None:
    """§3.2, §3.3: of the addressed object."""
    assert "must be a UUID" in refused(http.get("/v1/customers/acme"), 400)
    assert "not found" in refused(http.get(f"/v1/customers/{NOBODY}"), 404)


def test_ids_are_the_same_in_either_case(http: httpx.Client, shop: Shop) -> None:
    """A UUID in capitals names the same object."""
    id = shop.customer()
    assert http.get(f"/v1/customers/{id.upper()}").json()["data"]["id"] == id


@pytest.mark.parametrize(
    "time", ["2026-01-01", "2026-01-01T00:00:00", "tomorrow", "2026-13-01T00:00:00Z", "26-01-01T00:00:00Z", 5]
)
def test_times_must_be_rfc_3339(http: httpx.Client, time: object) -> None:
    """§3.7: date, time and offset."""
    body = {"customer_id": NOBODY, "starting_at": time}
    assert "RFC 3339" in refused(http.post("/v1/contracts/create", json=body), 400)


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:30:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00+05:30"]
)
def test_contracts_start_on_the_hour(http: httpx.Client, time: str) -> None:
    """§3.7: whole hours of UTC, without sub-second digits."""
    body = {"customer_id": NOBODY, "starting_at": time}
    assert "hour boundary" in refused(http.post("/v1/contracts/create", json=body), 400)


def test_answers_give_times_with_a_numeric_offset(http: httpx.Client, shop: Shop) -> None:
    """§3.7: +00:00, whatever offset came in."""
    customer = shop.customer()
    body = {"customer_id": customer, "starting_at": "2026-01-01T02:00:00+02:00"}
    http.post("/v1/contracts/create", json=body)
    [contract] = http.post("/v2/contracts/list", json={"customer_id": customer}).json()["data"]
    assert contract["starting_at"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("digits", ["0.1", "0.100", "1.0", "123456789012345678901234567890.5", "0.00000000000000000001", "7"])
def test_numbers_keep_every_digit(http: httpx.Client, shop: Shop, digits: str) -> None:
    """§3.8: decimals of any precision, never through a float."""
    body = f"""{{"name": "p", "type": "USAGE", "billable_metric_id": "{shop.metric()}",
        "quantity_conversion": {{"conversion_factor": {digits}, "operation": "DIVIDE"}}}}"""
    id = http.post("/v1/contract-pricing/products/create", content=body).json()["data"]["id"]
    assert f'"conversion_factor":{digits},' in http.post("/v1/contract-pricing/products/get", json={"id": id}).text


def test_calls_that_answer_nothing_have_an_empty_body(http: httpx.Client, shop: Shop) -> None:
    """§3.2: 200 and no body, so that no client tries to parse one."""
    answer = http.post(f"/v1/customers/{shop.customer()}/updateConfig", json={})
    assert (answer.status_code, answer.content) == (200, b"")
    assert "content-type" not in answer.headers


def test_a_larger_body_than_the_limit_is_413(http: httpx.Client) -> None:
    """A body of more than 16 MiB isn't read."""
    refused(http.post("/v1/ingest", content=b" " * (16 * 1024 * 1024 + 1)), 413)


def test_the_sdk_raises_its_own_errors(client: Metronome) -> None:
    """§4: the unmodified client understands refusals."""
    import metronome

    with pytest.raises(metronome.NotFoundError, match="not found"):
        client.v1.customers.retrieve(customer_id=NOBODY)
    with pytest.raises(metronome.BadRequestError, match="must be a UUID"):
        client.v1.customers.retrieve(customer_id="acme")


def test_a_bug_answers_500_and_shows_itself(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An exception that nobody planned is an answer too, and its traceback goes to the server's error stream."""
    monkeypatch.setattr("nova_iac.emulator.app.Request", None)
    assert "internal error" in refused(http.get("/v1/customers"), 500)
    assert "TypeError" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("call", "body", "status", "code"),
    [
        ("get", {}, 400, "BadRequest"),
        ("get", {"customer_id": "x", "contract_id": NOBODY}, 400, "BadRequest"),
        ("list", {}, 400, "BadRequest"),
        ("list", {"customer_id": NOBODY, "covering_date": JAN, "starting_at": JAN}, 400, "CustomerNotFound"),
        ("list", {"customer_id": "held", "covering_date": JAN, "starting_at": JAN}, 400, "BadRequest"),
        ("edit", {}, 400, "BadRequest"),
        ("edit", {"customer_id": "held", "contract_id": "held", "update_contract_end_date": JAN}, 400, "BadRequest"),
        ("edit", {"customer_id": "held", "contract_id": "held", "uniqueness_key": "used"}, 409, "Conflict"),
        ("nothing", {}, 404, "NotFound"),
    ],
)
def test_every_refusal_of_v2_has_a_code(
    http: httpx.Client, shop: Shop, call: str, body: dict[str, str], status: int, code: str
) -> None:
    """§3.3: those of v1 have only a message, whatever the code says of the same rule."""
    customer = shop.customer()
    held = {"customer_id": customer, "contract_id": shop.contract(customer, starting_at=JAN)}
    assert http.post("/v2/contracts/edit", json=held | {"uniqueness_key": "used"}).status_code == 200
    body = {name: held[name] if value == "held" else value for name, value in body.items()}
    answer = http.post(f"/v2/contracts/{call}", json=body)
    refused(answer, status)
    assert answer.json()["code"] == code
    assert "code" not in http.post("/v1/contracts/list", json={}).json()


def test_other_refusals_of_v2_have_a_code_too(http: httpx.Client) -> None:
    """Those that faults make, and a missing token."""
    http.post("/_emulator/faults", json={"faults": [{"kind": "rate_limit", "per_second": 1}]})
    path = "/v2/contracts/get"
    assert [http.post(path, json={}).json()["code"] for _ in range(2)] == ["BadRequest", "TooManyRequests"]
    http.post("/_emulator/faults", json={"faults": []})
    assert http.post(path, json={}, headers={"Authorization": ""}).json()["code"] == "Unauthorized"
