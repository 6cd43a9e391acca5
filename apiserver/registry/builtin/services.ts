import { builtIn } from './built-in.ts'
import { integer, kindSchema, list, object, text } from './schema-parts.ts'

/**
 * Services belong to containers, so nobody can make one here. The kind is served for those who ask what there is:
 * `kubectl cluster-info` lists the services of the control plane and gives up where the kind is not known.
 */
export const services = builtIn({
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  verbs: ['get', 'list', 'watch'],
  stored: { prefix: '/registry/services/specs/' },
  schema: kindSchema('An address for several servers. There are none here.', {
    spec: object('The address.', {
      type: text('How it can be reached.'),
      ports: list(
        'Its ports.',
        object('One port.', { name: text('Its name.'), port: integer('Its number.') }),
      ),
    }),
  }),
})
