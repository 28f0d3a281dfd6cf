import inspect
import sys

import google.auth
import google.auth.compute_engine
import google.auth.transport.requests
import google.oauth2.id_token

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def version():
    try:
        from google.auth.version import __version__

        return __version__
    except ImportError:
        from importlib.metadata import version

        return version("google-auth")


def access(urls):
    credentials, _ = google.auth.default(scopes=SCOPES)
    session = google.auth.transport.requests.AuthorizedSession(credentials)
    for url in urls:
        response = session.get(url)
        response.raise_for_status()
        sys.stdout.write(response.text)


def lacks():
    """Returns what the library would need for an ID token of a metadata server, and has not."""
    parameters = inspect.signature(google.auth.compute_engine.IDTokenCredentials.__init__).parameters
    has = {
        "google.oauth2.id_token.fetch_id_token": hasattr(google.oauth2.id_token, "fetch_id_token"),
        "IDTokenCredentials(use_metadata_identity_endpoint)": "use_metadata_identity_endpoint" in parameters,
    }
    return [] if any(has.values()) else list(has)


def identity(audience, url):
    lacking = lacks()
    if lacking:
        print("unsupported: asks no metadata server for one: it has no " + " and no ".join(lacking))
        return
    request = google.auth.transport.requests.Request()
    token = google.oauth2.id_token.fetch_id_token(request, audience)
    answer = request(url=url, headers={"authorization": "Bearer " + token})
    sys.stdout.write(answer.data.decode())


if sys.argv[1] == "version":
    print(version())
elif sys.argv[1] == "access":
    access(sys.argv[2:])
else:
    identity(*sys.argv[2:])
