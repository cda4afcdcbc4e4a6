"""The one door to Metronome: the official SDK behind exact numbers, our errors, and one policy for retries and keys.

- Answers are parsed with exact decimals, never through floats; requests become floats at the last moment, and only where every
  digit survives (the SDK refuses Decimal).
- The SDK's own retries are off: it retries timeouts and 409 without an Idempotency-Key and can so create twice (§4). Here a
  write is repeated only under its own key, and only where a repetition can't do harm.
- The token is held by the SDK client and shown nowhere.

Fields and facts: API facts §3 and §4.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nova_iac.errors import Conflict, NotFound, Refused, RemoteError, Unavailable
from nova_iac.resource import Ref
from nova_iac.retry import RetryPolicy, Throttle, random_jitter, retry_after

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from httpx import Client as HttpClient
    from httpx import Response
    from metronome import Metronome

DEFAULT_BASE_URL: Final = "https://api.metronome.com"
REQUESTS_PER_SECOND: Final = 8
"""What an account was seen to allow over all REST endpoints together (§3.5); used for estimates only."""

_PATH_PARAMETER: Final = re.compile(r"{(\w+)}")
_UNKNOWN_OBJECT: Final = frozenset(("CustomerNotFound", "ContractNotFound", "PackageNotFound", "NotFound"))
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API: what is sent (method and path) and which SDK method sends it.

    cursor is the name of the paging parameter and of the member of the answer that feeds it (§3.6); limit the page size asked.
    """

    method: str
    path: str
    sdk: str
    cursor: str | None = None
    limit: int | None = None

    def path_for(self, params: Mapping[str, Any]) -> str:
        """The path with its parameters put in; a reference that has no id yet stands as ``{address}``."""
        return _PATH_PARAMETER.sub(lambda match: str(params[match[1]]), self.path)

    def body_for(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that don't travel in the path."""
        inside = set(_PATH_PARAMETER.findall(self.path))
        return {name: value for name, value in params.items() if name not in inside}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt at a call: done, or why not and what the server says about the next.

    whole_account is False where only one customer's calls are held back (§3.5).
    """

    error: RemoteError | None = None
    repeatable: bool = False
    asked: float | None = None
    whole_account: bool = True


_CLASHES: Final = 2
"""How often a write is repeated after a 409."""


class Client:
    """Reads and writes one Metronome account.

    Reads are safe to call from several threads; so are writes under different keys.

    :param app: a WSGI program that answers instead of the network (the embedded emulator).
    :param token_name: the environment variable that the token came from, for messages.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        token_name: str = "METRONOME_BEARER_TOKEN",
        app: WSGIApplication | None = None,
        parallelism: int = 8,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        random_source: Callable[[], float] | None = None,
    ) -> None:
        self.base_url = base_url
        self.parallelism = parallelism
        self._token_name = token_name
        self._secrets = _spellings(token)
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._random = random_source or random_jitter()
        self._sdk, self._http = _build_sdk(base_url, token, app)
        self._throttle = Throttle(parallelism)
        self._fiats: dict[str, str] | None = None

    def close(self) -> None:
        """Give back the connections."""
        self._sdk.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, endpoint: Endpoint, params: Mapping[str, Any]) -> Any:
        """One read; repeated on 429, 5xx and lost connections.

        :raises RemoteError: the most specific one.
        """
        return self._attempts(endpoint, params, {}, repeat_faults=True)

    def pages(self, endpoint: Endpoint, params: Mapping[str, Any]) -> Iterator[Sequence[dict[str, Any]]]:
        """All pages of a list; each page is asked for when the caller wants it."""
        cursor: Any = None
        assert endpoint.cursor is not None
        while True:
            extra: dict[str, Any] = {} if endpoint.limit is None else {"limit": endpoint.limit}
            if cursor:
                extra[endpoint.cursor] = cursor
            answer = self.read(endpoint, {**params, **extra})
            yield answer["data"]
            cursor = answer.get(endpoint.cursor)
            if not cursor:
                return

    def rows(self, endpoint: Endpoint, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All rows of a list."""
        for page in self.pages(endpoint, params):
            yield from page

    def send(self, endpoint: Endpoint, params: Mapping[str, Any], *, key: str) -> Any:
        """One write under its Idempotency-Key (POST only; the API takes none elsewhere).

        It is repeated under the same key after a lost connection, a 429 and a gateway fault, because the same key can't take
        effect twice. A 500 is not: it may be a stored answer that would only be replayed (§3.4). A 409 is, twice: nothing is
        stored for a call that clashes with one that is still being carried out.

        :raises Unavailable: the outcome is unknown: also where an earlier attempt got no answer and a later one is refused.
        """
        headers = {"Idempotency-Key": key} if endpoint.method == "POST" else {}
        return self._attempts(endpoint, params, headers, repeat_faults=endpoint.method != "POST", writes=True)

    def poster(self, endpoint: Endpoint) -> Callable[[bytes], Attempt]:
        """A function that makes one attempt at a POST whose body is JSON already. Safe to call from several threads.

        For what is sent in great numbers: it goes through the SDK's own HTTP client (its connections, proxies and TLS) with the
        SDK's own headers, but without the SDK's walk over every value of the body, which costs ten times the request. No
        Idempotency-Key and no repetition: that is the caller's.
        """
        import httpx

        url = httpx.URL(f"{self.base_url}{endpoint.path}")
        sdk_headers = {name: value for name, value in self._sdk.default_headers.items() if isinstance(value, str)}
        headers = self._http.build_request("GET", url, headers=sdk_headers).headers
        timeout = {"timeout": self._http.timeout.as_dict()}
        call = f"{endpoint.method} {endpoint.path}"

        def attempt(body: bytes) -> Attempt:
            try:
                response = self._http.send(httpx.Request("POST", url, headers=headers, content=body, extensions=timeout))
            except (httpx.TransportError, OSError) as problem:  # OSError: how the embedded emulator cuts a connection
                return Attempt(self._unreached(call, timed_out=isinstance(problem, httpx.TimeoutException)), repeatable=True)
            if response.is_success:
                return Attempt()
            error, asked, repeatable = self._refusal(call, response, _json_or_none(response), repeat_faults=True)
            whole = response.headers.get("x-metronome-rate-limit-type") != "customer"
            return Attempt(error, repeatable, asked, whole)

        return attempt

    def map(self, function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
        """Apply a reading function to many items, a bounded number at a time; results keep the order."""
        work = list(items)
        if len(work) < 2:
            return [function(item) for item in work]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self.parallelism, len(work)), thread_name_prefix="read") as pool:
            return list(pool.map(function, work))

    def fiat_id(self, code: str) -> str:
        """The credit type id of a currency.

        :raises Refused: this account does not know the currency.
        """
        if self._fiats is None:
            listing = Endpoint("GET", "/v1/credit-types/list", "v1.pricing_units.list", cursor="next_page", limit=100)
            rows = self.rows(listing, {})
            self._fiats = {row["name"].split()[0]: row["id"] for row in rows if row.get("is_currency")}
        try:
            return self._fiats[code]
        except KeyError:
            raise Refused(f"this Metronome account has no currency {code}; it has {', '.join(sorted(self._fiats))}") from None

    def _attempts(
        self,
        endpoint: Endpoint,
        params: Mapping[str, Any],
        headers: dict[str, str],
        *,
        repeat_faults: bool,
        writes: bool = False,
    ) -> Any:
        arguments = {name: to_json_number(value) for name, value in params.items()}
        resource, _, method = endpoint.sdk.rpartition(".")
        function = getattr(attrgetter(resource)(self._sdk).with_raw_response, method)
        lost = False
        for attempt in range(self._retry.attempts):
            try:
                with self._throttle:
                    answer = self._parsed(function(**arguments, **({"extra_headers": headers} if headers else {})), endpoint)
            except Exception as problem:
                error, asked, repeatable = self._explain(problem, endpoint, repeat_faults)
                if error is None:
                    raise
                if error.status == 429:
                    self._throttle.slower()
                if writes and isinstance(error, Conflict):
                    repeatable = attempt < _CLASHES
                if not repeatable or attempt + 1 == self._retry.attempts:
                    if lost and isinstance(error, Refused | NotFound):
                        raise Unavailable(f"{error}; an earlier attempt got no answer", status=error.status) from None
                    raise error from None
                lost = lost or (isinstance(error, Unavailable) and error.status != 429)
                self._sleep(self._retry.pause(attempt, asked, self._random()))
                continue
            self._throttle.faster()
            return answer
        raise AssertionError("a retry policy has at least one attempt")

    def _parsed(self, answer: Any, endpoint: Endpoint) -> Any:
        content = answer.http_response.content
        if not content:
            return None
        try:
            return json.loads(content, parse_float=Decimal)
        except ValueError:
            raise Unavailable(f"{endpoint.method} {endpoint.path}: the answer is not JSON; it may have been cut") from None

    def _explain(
        self, problem: Exception, endpoint: Endpoint, repeat_faults: bool
    ) -> tuple[RemoteError | None, float | None, bool]:
        """Our error for an exception of the SDK, the pause that the server asked for, and whether to try again."""
        import metronome

        if isinstance(problem, Unavailable):
            return problem, None, True
        call = f"{endpoint.method} {endpoint.path}"
        if isinstance(problem, metronome.APIStatusError):
            return self._refusal(call, problem.response, problem.body, repeat_faults=repeat_faults)
        if isinstance(problem, metronome.APIConnectionError):
            return self._unreached(call, timed_out=isinstance(problem, metronome.APITimeoutError)), None, True
        return None, None, False

    def _refusal(
        self, call: str, response: Response, body: object, *, repeat_faults: bool
    ) -> tuple[RemoteError, float | None, bool]:
        """The same for the answer to a call."""
        status = response.status_code
        text = body.get("message") if isinstance(body, dict) else None
        code = body.get("code") if isinstance(body, dict) else None
        said = self._without_secrets(f"{call}: {status} {text or response.reason_phrase}")
        if status in (401, 403):
            said += f"; is the token in {self._token_name} the right one, and may it make this call?"
        cls: type[RemoteError] = Refused
        if status == 404 or (status == 400 and code in _UNKNOWN_OBJECT):
            cls = NotFound
        elif status == 409:
            cls = Conflict
        elif status in (408, 429) or status >= 500:
            cls = Unavailable
        repeatable = status in (408, 429, 502, 503, 504) or (status >= 500 and repeat_faults)
        told = {"message": self._without_secrets(str(text)), "code": code} if text else None
        return cls(said, status=status, body=told), retry_after(response.headers), repeatable

    def _without_secrets(self, text: str) -> str:
        """What a server says, should it repeat the header that it dislikes."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _unreached(self, call: str, *, timed_out: bool) -> Unavailable:
        return Unavailable(f"{call}: {'no answer in time' if timed_out else 'no connection'} to {self.base_url}")


def _spellings(secret: str) -> list[str]:
    """A text as it is, in JSON, and in a URL; loaded here, because only calls need it."""
    from urllib.parse import quote

    return sorted({secret, json.dumps(secret)[1:-1], quote(secret, safe="")} - {""}, key=len, reverse=True)


def to_json_number(value: Any) -> Any:
    """A parameter as the SDK takes it: Decimals become the JSON number with exactly the same digits.

    :raises Refused: a number that no double carries unchanged.
    """
    match value:
        case Decimal():
            if value == value.to_integral_value() and abs(value) < 2**53:
                return int(value)
            number = float(value)
            if Decimal(repr(number)) != value:
                raise Refused(f"{value} can't be sent: a JSON number would change it")
            return number
        case Mapping():
            return {name: to_json_number(member) for name, member in value.items()}
        case list() | tuple():
            return [to_json_number(member) for member in value]
        case Ref():
            raise AssertionError(f"a reference was not resolved before it was sent: {value}")
        case _:
            return value


def _json_or_none(response: Response) -> object:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _build_sdk(base_url: str, token: str, app: WSGIApplication | None) -> tuple[Metronome, HttpClient]:
    """The SDK, and the HTTP client that it uses: made as it would make its own, but at hand."""
    import httpx
    from metronome import DefaultHttpxClient, Metronome

    http = DefaultHttpxClient() if app is None else DefaultHttpxClient(transport=httpx.WSGITransport(app=app))
    # The SDK reads these from the process environment by itself; only the environment block of the spec decides.
    client = Metronome(base_url=base_url, bearer_token=token, webhook_secret="", max_retries=0, http_client=http)
    client._custom_headers = {}
    return client, http
