"""A web application on Authlib's client for Flask, good for one person at a time. README.md beside this folder says what it answers."""

import os
from secrets import token_bytes
from urllib.parse import urlparse

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify

ORIGIN = os.environ["ORIGIN"]

app = Flask(__name__)
app.secret_key = token_bytes(32)
kept = {}


def keep(token, refresh_token=None, access_token=None):
    """Called by the library when it has refreshed a token that had expired."""
    kept["token"] = token


oauth = OAuth(app)
latchkey = oauth.register(
    "latchkey",
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    update_token=keep,
)


@app.get("/sign-in")
def sign_in():
    return latchkey.authorize_redirect(ORIGIN + "/callback")


@app.get("/callback")
def callback():
    # Verifies the state, the nonce and the ID token, whose claims it puts into `userinfo`.
    token = latchkey.authorize_access_token()
    kept["token"] = token
    return shown(token["userinfo"])


@app.get("/userinfo")
def userinfo():
    return jsonify(latchkey.userinfo(token=kept["token"]))


@app.post("/refresh")
def refresh():
    # An expired token makes the library refresh it before the request.
    kept["token"]["expires_at"] = 1
    latchkey.userinfo(token=kept["token"])
    return shown(latchkey.parse_id_token(kept["token"], nonce=None))


def shown(claims):
    token = kept["token"]
    return jsonify(id_token=token["id_token"], claims=claims, refresh_token=token["refresh_token"])


@app.get("/sign-out")
def sign_out():
    return latchkey.logout_redirect(ORIGIN + "/signed-out", id_token_hint=kept["token"]["id_token"])


@app.get("/signed-out")
def signed_out():
    latchkey.validate_logout_response()
    return jsonify(signed_out=True)


@app.errorhandler(OAuthError)
def refused(error):
    return jsonify(error=error.error, message=error.description), 400


if __name__ == "__main__":
    address = urlparse(ORIGIN)
    app.run(host=address.hostname, port=address.port)
