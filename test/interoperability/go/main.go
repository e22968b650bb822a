// A web application on go-oidc and golang.org/x/oauth2, good for one person at a time. README.md beside this folder says what it answers.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type application struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
	origin   string

	state, nonce, codeVerifier string
	token                      *oauth2.Token
	idToken                    string
}

func main() {
	origin := os.Getenv("ORIGIN")
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	clientID := os.Getenv("CLIENT_ID")
	app := &application{
		provider: provider,
		// Which algorithms may sign is what discovery says.
		verifier: provider.Verifier(&oidc.Config{ClientID: clientID}),
		config: oauth2.Config{
			ClientID:     clientID,
			ClientSecret: os.Getenv("CLIENT_SECRET"),
			Endpoint:     provider.Endpoint(),
			RedirectURL:  origin + "/callback",
			Scopes:       []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
		},
		origin: origin,
	}
	http.HandleFunc("GET /sign-in", app.signIn)
	http.HandleFunc("GET /callback", app.callback)
	http.HandleFunc("GET /userinfo", app.userinfo)
	http.HandleFunc("POST /refresh", app.refresh)
	http.HandleFunc("GET /sign-out", app.signOut)
	http.HandleFunc("GET /signed-out", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"signed_out": true}) })
	log.Fatal(http.ListenAndServe(strings.TrimPrefix(origin, "http://"), nil))
}

func (app *application) signIn(w http.ResponseWriter, r *http.Request) {
	app.state, app.nonce, app.codeVerifier = rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	address := app.config.AuthCodeURL(app.state, oidc.Nonce(app.nonce), oauth2.S256ChallengeOption(app.codeVerifier))
	http.Redirect(w, r, address, http.StatusFound)
}

func (app *application) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("state") != app.state {
		refuse(w, "state_mismatch", errors.New("the state is not the one that was sent"))
		return
	}
	if code := query.Get("error"); code != "" {
		refuse(w, code, errors.New(query.Get("error_description")))
		return
	}
	token, err := app.config.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(app.codeVerifier))
	if err != nil {
		refuseExchange(w, err)
		return
	}
	app.accept(w, r.Context(), token, app.nonce)
}

func (app *application) userinfo(w http.ResponseWriter, r *http.Request) {
	info, err := app.provider.UserInfo(r.Context(), oauth2.StaticTokenSource(app.token))
	if err != nil {
		refuse(w, "userinfo", err)
		return
	}
	claims := map[string]any{}
	if err := info.Claims(&claims); err != nil {
		refuse(w, "userinfo", err)
		return
	}
	answer(w, claims)
}

func (app *application) refresh(w http.ResponseWriter, r *http.Request) {
	// A source without an access token asks for one at once.
	token, err := app.config.TokenSource(r.Context(), &oauth2.Token{RefreshToken: app.token.RefreshToken}).Token()
	if err != nil {
		refuseExchange(w, err)
		return
	}
	app.accept(w, r.Context(), token, "")
}

// accept verifies the ID token that came, keeps both, and shows what is in it.
func (app *application) accept(w http.ResponseWriter, ctx context.Context, token *oauth2.Token, nonce string) {
	raw, _ := token.Extra("id_token").(string)
	verified, err := app.verifier.Verify(ctx, raw)
	if err != nil {
		refuse(w, "id_token", err)
		return
	}
	if nonce != "" && verified.Nonce != nonce {
		refuse(w, "nonce_mismatch", errors.New("the nonce is not the one that was sent"))
		return
	}
	if err := verified.VerifyAccessToken(token.AccessToken); verified.AccessTokenHash != "" && err != nil {
		refuse(w, "at_hash", err)
		return
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		refuse(w, "id_token", err)
		return
	}
	app.token, app.idToken = token, raw
	answer(w, map[string]any{"id_token": raw, "claims": claims, "refresh_token": token.RefreshToken})
}

func (app *application) signOut(w http.ResponseWriter, r *http.Request) {
	metadata := struct {
		EndSession string `json:"end_session_endpoint"`
	}{}
	if err := app.provider.Claims(&metadata); err != nil {
		refuse(w, "discovery", err)
		return
	}
	query := url.Values{"id_token_hint": {app.idToken}, "post_logout_redirect_uri": {app.origin + "/signed-out"}}
	http.Redirect(w, r, metadata.EndSession+"?"+query.Encode(), http.StatusFound)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, code string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": code, "message": err.Error()})
}

func refuseExchange(w http.ResponseWriter, err error) {
	code := "unknown"
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) {
		code = refused.ErrorCode
	}
	refuse(w, code, err)
}
