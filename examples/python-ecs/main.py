"""Lists a bucket of Cloud Storage with Google's own library. Nothing in here knows of AWS, or of the vendor."""

import os

import google.auth
from google.auth.transport.requests import AuthorizedSession

BUCKET = os.environ.get("BUCKET", "example-project-data")
STORAGE = os.environ.get("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_only"])
session = AuthorizedSession(credentials)

answer = session.get(f"{STORAGE}/storage/v1/b/{BUCKET}/o", timeout=30)
answer.raise_for_status()
for item in answer.json().get("items", []):
    print(f"{item['name']}  {item['size']} bytes")
