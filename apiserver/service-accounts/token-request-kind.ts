import { builtIn } from '../registry/builtin/built-in.ts'
import { integer, kindSchema, object, strings, text, time } from '../registry/builtin/schema-parts.ts'

const defaultSeconds = 3600

/** What is posted to `serviceaccounts/token` and comes back with the token. It is never stored. */
export const tokenRequests = builtIn({
  group: 'authentication.k8s.io',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  namespaced: true,
  schema: kindSchema(
    'Asks for a token of a service account.',
    {
      spec: object('What kind of token is asked for.', {
        audiences: strings('Whom the token is meant for; the API server when left out.'),
        expirationSeconds: integer('How long the token shall be good; the server may shorten it.', {
          format: 'int64',
          default: defaultSeconds,
        }),
        boundObjectRef: object('The object that the token dies with.', {
          kind: text('Kind of the object: Secret.'),
          apiVersion: text('API version of the object.'),
          name: text('Name of the object.'),
          uid: text('UID of the object; the one that there is when left out.'),
        }),
      }),
      status: object(
        'The token.',
        {
          token: text('The token itself.'),
          expirationTimestamp: time('When it stops being good.'),
        },
        ['token', 'expirationTimestamp'],
      ),
    },
    ['spec'],
  ),
})
