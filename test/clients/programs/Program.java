import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.HttpRequestInitializer;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.auth.http.HttpCredentialsAdapter;
import com.google.auth.oauth2.GoogleCredentials;
import com.google.auth.oauth2.IdTokenCredentials;
import com.google.auth.oauth2.IdTokenProvider;
import java.io.IOException;
import java.util.List;

/** Uses google-auth-library-oauth2-http. */
public class Program {
  private static final List<String> SCOPES = List.of("https://www.googleapis.com/auth/cloud-platform");

  private static void show(HttpRequestInitializer login, String url) throws IOException {
    System.out.print(
        new NetHttpTransport()
            .createRequestFactory(login)
            .buildGetRequest(new GenericUrl(url))
            .execute()
            .parseAsString());
  }

  public static void main(String[] args) throws IOException {
    GoogleCredentials credentials = GoogleCredentials.getApplicationDefault();
    if (args[0].equals("access")) {
      HttpCredentialsAdapter login = new HttpCredentialsAdapter(credentials.createScoped(SCOPES));
      show(login, args[1]);
      show(login, args[2]);
      return;
    }
    IdTokenCredentials identity =
        IdTokenCredentials.newBuilder()
            .setIdTokenProvider((IdTokenProvider) credentials)
            .setTargetAudience(args[1])
            .build();
    show(new HttpCredentialsAdapter(identity), args[2]);
  }
}
