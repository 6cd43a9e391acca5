import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import { holdWith, isBeingDeleted } from '../finalizers.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { chooseImporter, type ChooseImporterDeps } from './choose-importer.ts'
import { handOver, type HandOverDeps, imageFinalizer } from './hand-over.ts'

export interface ImageDeps extends ChooseImporterDeps, HandOverDeps {}

/** Finds a host to import the image, and lets its daemon do the rest. */
export class ImageReconciler implements Reconciler<Image> {
  readonly name = 'image'
  readonly #living: readonly Step<Image>[]
  readonly #deleting: readonly Step<Image>[]

  constructor(deps: ImageDeps) {
    this.#living = [holdWith(imageFinalizer), chooseImporter(deps)]
    this.#deleting = [handOver(deps)]
  }

  reconcile(ctx: ReconcileContext, image: Stored<Image>): Promise<Outcome> {
    return runSteps(isBeingDeleted(image) ? this.#deleting : this.#living, ctx, image)
  }
}
