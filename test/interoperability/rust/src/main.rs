//! A web application on the crate openidconnect, good for one person at a time. README.md beside this folder says what it answers.

use std::{collections::HashMap, env, error::Error};

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::reqwest::{self, blocking, redirect};
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpClientError, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardErrorResponse,
};
use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

enum Answer {
    Json(Value),
    Redirect(Url),
    Refused(String, String),
}

struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    code_verifier: PkceCodeVerifier,
}

struct SignedIn {
    tokens: CoreTokenResponse,
    id_token: CoreIdToken,
    nonce: Nonce,
    refresh_token: Option<RefreshToken>,
}

struct Application {
    origin: String,
    client: Client,
    http: blocking::Client,
    end_session: Option<EndSessionUrl>,
    pending: Option<Pending>,
    person: Option<SignedIn>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let origin = env::var("ORIGIN")?;
    // A redirect that is followed could lead anywhere.
    let http = blocking::ClientBuilder::new()
        .redirect(redirect::Policy::none())
        .build()?;
    let issuer = IssuerUrl::new(env::var("ISSUER")?)?;
    let metadata = ProviderMetadataWithLogout::discover(&issuer, &http)?;
    let end_session = metadata.additional_metadata().end_session_endpoint.clone();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(env::var("CLIENT_ID")?),
        Some(ClientSecret::new(env::var("CLIENT_SECRET")?)),
    )
    .set_redirect_uri(RedirectUrl::new(format!("{origin}/callback"))?);
    let server =
        Server::http(origin.trim_start_matches("http://")).map_err(|error| error.to_string())?;
    let mut application = Application {
        origin,
        client,
        http,
        end_session,
        pending: None,
        person: None,
    };
    for request in server.incoming_requests() {
        let answer = application
            .answer(&request)
            .unwrap_or_else(|error| refusal(error.as_ref()));
        respond(request, answer)?;
    }
    Ok(())
}

impl Application {
    fn answer(&mut self, request: &Request) -> Result<Answer, Box<dyn Error>> {
        let url = Url::parse(&self.origin)?.join(request.url())?;
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        match (request.method(), url.path()) {
            (Method::Get, "/sign-in") => Ok(self.sign_in()),
            (Method::Get, "/callback") => self.callback(query),
            (Method::Get, "/userinfo") => self.userinfo(),
            (Method::Post, "/refresh") => self.refresh(),
            (Method::Get, "/sign-out") => self.sign_out(),
            (Method::Get, "/signed-out") => Ok(Answer::Json(json!({ "signed_out": true }))),
            _ => Ok(Answer::Refused("not_found".into(), url.path().into())),
        }
    }

    fn sign_in(&mut self) -> Answer {
        let (challenge, code_verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(["profile", "email", "offline_access"].map(|name| Scope::new(name.into())))
            .set_pkce_challenge(challenge)
            .url();
        self.pending = Some(Pending {
            state,
            nonce,
            code_verifier,
        });
        Answer::Redirect(url)
    }

    fn callback(&mut self, query: HashMap<String, String>) -> Result<Answer, Box<dyn Error>> {
        let pending = self.pending.take().ok_or("nobody is signing in")?;
        if query.get("state") != Some(pending.state.secret()) {
            return Ok(Answer::Refused(
                "state_mismatch".into(),
                "not the state that was sent".into(),
            ));
        }
        if let Some(error) = query.get("error") {
            let description = query.get("error_description").cloned().unwrap_or_default();
            return Ok(Answer::Refused(error.clone(), description));
        }
        let code = AuthorizationCode::new(query.get("code").cloned().ok_or("there is no code")?);
        let tokens = self
            .client
            .exchange_code(code)?
            .set_pkce_verifier(pending.code_verifier)
            .request(&self.http)?;
        self.accept(tokens, pending.nonce)
    }

    fn userinfo(&mut self) -> Result<Answer, Box<dyn Error>> {
        let person = self.person.as_ref().ok_or("nobody is signed in")?;
        let claims = person
            .id_token
            .claims(&self.client.id_token_verifier(), &person.nonce)?;
        let info: CoreUserInfoClaims = self
            .client
            .user_info(
                person.tokens.access_token().clone(),
                Some(claims.subject().clone()),
            )?
            .request(&self.http)?;
        Ok(Answer::Json(serde_json::to_value(info)?))
    }

    fn refresh(&mut self) -> Result<Answer, Box<dyn Error>> {
        let person = self.person.as_ref().ok_or("nobody is signed in")?;
        let token = person
            .refresh_token
            .as_ref()
            .ok_or("there is no refresh token")?;
        let tokens = self
            .client
            .exchange_refresh_token(token)?
            .request(&self.http)?;
        let nonce = person.nonce.clone();
        self.accept(tokens, nonce)
    }

    /// Verifies the ID token that came, keeps all, and shows what is in it.
    fn accept(
        &mut self,
        tokens: CoreTokenResponse,
        nonce: Nonce,
    ) -> Result<Answer, Box<dyn Error>> {
        let id_token = tokens
            .extra_fields()
            .id_token()
            .ok_or("there is no ID token")?
            .clone();
        let verifier = self.client.id_token_verifier();
        let claims = id_token.claims(&verifier, &nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let found = AccessTokenHash::from_token(
                tokens.access_token(),
                id_token.signing_alg()?,
                id_token.signing_key(&verifier)?,
            )?;
            if found != *expected {
                return Ok(Answer::Refused(
                    "at_hash".into(),
                    "not the access token of the ID token".into(),
                ));
            }
        }
        let refresh_token = tokens.refresh_token().cloned();
        let shown = json!({
            "id_token": id_token.to_string(),
            "claims": claims,
            "refresh_token": refresh_token.as_ref().map(RefreshToken::secret),
        });
        self.person = Some(SignedIn {
            tokens,
            id_token,
            nonce,
            refresh_token,
        });
        Ok(Answer::Json(shown))
    }

    fn sign_out(&mut self) -> Result<Answer, Box<dyn Error>> {
        let person = self.person.take().ok_or("nobody is signed in")?;
        let endpoint = self
            .end_session
            .clone()
            .ok_or("there is no end_session_endpoint")?;
        let back = PostLogoutRedirectUrl::new(format!("{}/signed-out", self.origin))?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(&person.id_token)
            .set_post_logout_redirect_uri(back);
        Ok(Answer::Redirect(request.http_get_url()))
    }
}

type TokenError = RequestTokenError<
    HttpClientError<reqwest::Error>,
    StandardErrorResponse<CoreErrorResponseType>,
>;

fn refusal(error: &(dyn Error + 'static)) -> Answer {
    let code = match error.downcast_ref::<TokenError>() {
        Some(RequestTokenError::ServerResponse(response)) => response.error().to_string(),
        _ => "unknown".into(),
    };
    Answer::Refused(code, error.to_string())
}

fn respond(request: Request, answer: Answer) -> std::io::Result<()> {
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("a header");
    match answer {
        Answer::Redirect(url) => {
            request.respond(Response::empty(302).with_header(header("Location", url.as_str())))
        }
        Answer::Json(body) => request.respond(
            Response::from_string(body.to_string())
                .with_header(header("Content-Type", "application/json")),
        ),
        Answer::Refused(error, message) => request.respond(
            Response::from_string(json!({ "error": error, "message": message }).to_string())
                .with_status_code(400)
                .with_header(header("Content-Type", "application/json")),
        ),
    }
}
