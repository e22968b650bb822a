package interoperability;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.RefreshTokenOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenDecoderFactory;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoderFactory;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.json.JsonMapper;

/** A web application on Spring Security's OAuth 2 client. README.md beside this folder says what it answers. */
@SpringBootApplication
@RestController
public class Application {
  private static final String LATCHKEY = "latchkey";

  private final ClientRegistrationRepository registrations;
  private final OAuth2AuthorizedClientRepository authorizedClients;
  private final ApplicationEventPublisher events;

  Application(
      ClientRegistrationRepository registrations,
      OAuth2AuthorizedClientRepository authorizedClients,
      ApplicationEventPublisher events) {
    this.registrations = registrations;
    this.authorizedClients = authorizedClients;
    this.events = events;
  }

  public static void main(String[] arguments) {
    URI origin = URI.create(System.getenv("ORIGIN"));
    String registration = "spring.security.oauth2.client.registration." + LATCHKEY + ".";
    SpringApplication application = new SpringApplication(Application.class);
    application.setDefaultProperties(
        Map.of(
            "server.address", origin.getHost(),
            "server.port", String.valueOf(origin.getPort()),
            registration + "client-id", System.getenv("CLIENT_ID"),
            registration + "client-secret", System.getenv("CLIENT_SECRET"),
            registration + "redirect-uri", "{baseUrl}/callback",
            registration + "scope", "openid,profile,email,offline_access",
            "spring.security.oauth2.client.provider." + LATCHKEY + ".issuer-uri", System.getenv("ISSUER")));
    application.run(arguments);
  }

  @Bean
  static SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations)
      throws Exception {
    var signOut = new OidcClientInitiatedLogoutSuccessHandler(registrations);
    signOut.setPostLogoutRedirectUri("{baseUrl}/signed-out");
    return http.authorizeHttpRequests(
            requests ->
                requests.requestMatchers("/sign-in", "/signed-out").permitAll().anyRequest().authenticated())
        .oauth2Login(
            login ->
                login
                    .redirectionEndpoint(endpoint -> endpoint.baseUri("/callback"))
                    .defaultSuccessUrl("/shown", true)
                    .failureHandler(Application::refuse))
        // The driver has no pages with a token of ours; an application of yours keeps this on, and signs out by POST.
        .csrf(csrf -> csrf.disable())
        .logout(logout -> logout.logoutUrl("/sign-out").logoutSuccessHandler(signOut))
        .build();
  }

  /** Spring Security takes RS256 alone unless it is told what signs. */
  @Bean
  static JwtDecoderFactory<ClientRegistration> idTokenDecoders() {
    var factory = new OidcIdTokenDecoderFactory();
    factory.setJwsAlgorithmResolver(
        registration -> SignatureAlgorithm.from(System.getenv("ID_TOKEN_ALGORITHM")));
    return factory;
  }

  @GetMapping("/sign-in")
  void signIn(HttpServletResponse response) throws IOException {
    response.sendRedirect("/oauth2/authorization/" + LATCHKEY);
  }

  @GetMapping("/shown")
  ResponseEntity<Map<String, Object>> shown(Authentication person, HttpServletRequest request) {
    return tokens(person, authorizedClients.loadAuthorizedClient(LATCHKEY, person, request));
  }

  private static ResponseEntity<Map<String, Object>> tokens(Authentication person, OAuth2AuthorizedClient client) {
    var idToken = ((OidcUser) person.getPrincipal()).getIdToken();
    return json(
        Map.of(
            "id_token", idToken.getTokenValue(),
            "claims", idToken.getClaims(),
            "refresh_token", client.getRefreshToken().getTokenValue()));
  }

  @GetMapping("/userinfo")
  ResponseEntity<Map<String, Object>> userinfo(Authentication person) {
    return json(((OidcUser) person.getPrincipal()).getUserInfo().getClaims());
  }

  /** The library refreshes what is about to expire: with this skew, every access token is. */
  @PostMapping("/refresh")
  ResponseEntity<Map<String, Object>> refresh(
      Authentication person, HttpServletRequest request, HttpServletResponse response) {
    var refreshing = new RefreshTokenOAuth2AuthorizedClientProvider();
    refreshing.setClockSkew(Duration.ofDays(1));
    // Has the ID token that comes with it verified, and the person's claims replaced.
    refreshing.setApplicationEventPublisher(events);
    var manager = new DefaultOAuth2AuthorizedClientManager(registrations, authorizedClients);
    manager.setAuthorizedClientProvider(refreshing);
    var client =
        manager.authorize(
            OAuth2AuthorizeRequest.withClientRegistrationId(LATCHKEY)
                .principal(person)
                .attribute(HttpServletRequest.class.getName(), request)
                .attribute(HttpServletResponse.class.getName(), response)
                .build());
    return tokens(SecurityContextHolder.getContext().getAuthentication(), client);
  }

  @GetMapping("/signed-out")
  ResponseEntity<Map<String, Object>> signedOut() {
    return json(Map.of("signed_out", true));
  }

  private static ResponseEntity<Map<String, Object>> json(Map<String, Object> body) {
    return ResponseEntity.ok().contentType(MediaType.APPLICATION_JSON).body(body);
  }

  private static void refuse(
      HttpServletRequest request, HttpServletResponse response, AuthenticationException problem)
      throws IOException {
    String code = problem instanceof OAuth2AuthenticationException refused ? refused.getError().getErrorCode() : "unknown";
    response.setStatus(HttpServletResponse.SC_BAD_REQUEST);
    response.setContentType("application/json");
    response.getWriter().write(
        new JsonMapper().writeValueAsString(Map.of("error", code, "message", String.valueOf(problem.getMessage()))));
  }
}
